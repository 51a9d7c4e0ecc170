"""Scenes: pure functions from slider values to a view, one module per topic."""
