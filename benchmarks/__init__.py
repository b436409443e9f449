"""What is measured rather than tested; `tox -e bench` runs it and writes docs/benchmarks."""
