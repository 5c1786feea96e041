"""Looking at visible events one by one: chosen, written, drawn."""
