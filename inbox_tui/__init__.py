"""The inbox: the program that shows conversations and answers them. It meets the listener only in Postgres, through `backend`."""
