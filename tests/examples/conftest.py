"""The projects in here are run by test_examples.py, each in an environment of its own."""

collect_ignore_glob = ["lamp/*", "node-lamp/*"]
