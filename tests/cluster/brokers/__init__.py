"""Brokers the suite can run on. Each module has a class `Broker` with what brokers/base.py says."""
