"""Answers: bundles held ready, requests of many users put into batches, each answer written down."""
