"""The language model: tokenizer, network, training stages, and generation behind one interface."""
