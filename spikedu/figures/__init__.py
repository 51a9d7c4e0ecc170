"""Figures: what to show (`views`), then ink (`static`: matplotlib, `interactive`)."""
