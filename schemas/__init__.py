"""The contracts as data: Avro schemas, their published versions, and the topics. Installed, so that a service finds them anywhere."""
