"""Where checks run. An executor takes a setup and jobs and yields completed findings in any order."""
