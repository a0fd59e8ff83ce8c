module PROJECT

go 1.21
