module next

go 1.24
