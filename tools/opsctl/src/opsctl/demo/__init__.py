"""A believable story for trying the product out: ``story`` and the arcs are pure, ``talking`` and ``playing`` tell it through the public API."""
