"""One file for each engine: serial, Dask, Beam."""
