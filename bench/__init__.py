"""Measures the relay beside HAProxy, nginx and the usual FastAPI code, in one run, as ratios.

    load/upstream <-- peer (ours | haproxy | nginx | usual | direct) <-- load/clients
    core 0            core 1                                             core 0

`make bench` runs it all; `python -m bench --help` says how to run a part. May import: app (settings
of the relay under test only through its environment). Nothing imports it but its test.
"""
