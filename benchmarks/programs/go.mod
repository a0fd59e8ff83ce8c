module aotc/benchmarks

go 1.24
