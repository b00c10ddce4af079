"""The labelling queue of a model: what is asked, what people said, and the labels that they agree on."""
