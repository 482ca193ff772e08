"""Networks written by hand in plain torch.nn, from papers and pages; nothing of netcalc here."""
