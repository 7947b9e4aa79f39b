"""The asset graph, thin: one module per layer. What an asset does lives in `sales`, `kpis` and the other rooms."""
