"""The sound pass: what no order of overlapping, unanswered or unseen calls could explain."""
