"""Measurements: kernels beside their peers, and the cost of derivation and emission.

    suites -> layers (cases) -> kernels, peers (by_*) -> measurement (rows) -> tables, chart
"""
