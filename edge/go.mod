module aotc/edge

go 1.21
