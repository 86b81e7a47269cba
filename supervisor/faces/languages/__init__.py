"""The languages of the page, and the forms of its numbers, money and times. The commands and the logs are English."""
