"""The business of Opsroom: pure deciders, no clock, no ids, no input or output."""
