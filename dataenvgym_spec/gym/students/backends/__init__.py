"""What generates a student's answers: one backend a file, imported when it is used."""
