"""All that asks git: earlier forms of experiments, and what revisions need."""
