"""One component of every slot. All of it comes from `dataenvgym_spec.gym`, as any package's would."""
