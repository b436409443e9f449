"""The process: command line, configuration, logs, signals, serving."""
