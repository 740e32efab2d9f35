"""Benchmarks: side by side, interleaved in one run, as medians and ratios.

`layers` are shapes that frameworks are measured on, `timing` takes the medians, `peers` are the
libraries compared with. Absolute times drift from machine to machine; read the ratios.
"""
