"""All that knows DVC's formats and programs."""
