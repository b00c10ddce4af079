"""Train on what the store keeps: what may be learned from, the runs, and how a training set is built again."""
