"""The report: pictures of training and evaluation, and the text around them."""
