"""Published mechanisms: what each claims, and the experiments in which the claim is put to the test again."""
