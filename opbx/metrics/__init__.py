"""Metrics: what the product counts, and how a process shows it to Prometheus.

Whoever has something to count imports its instrument from here. This folder imports nothing of the product, so that
every folder may. Label values come from small fixed sets, or through `labels.Bounded`.
"""
