"""What the portal and the console share as sets of web pages: cookies, forms, headers, limits, pools, serving."""
