"""The asset checks, thin: one module per layer. The rules live in `sales`, `warehouse`, `kpis` and `reporting`.

Each layer's checks run as one step, in the job of what they check, and can be run alone: then they look at every
month that was handed over. A blocking check stops its run where a wrong number would reach a reader.
"""
