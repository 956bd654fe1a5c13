module arsync

go 1.23
