module aotc/benchmarks/real

go 1.24

require (
	github.com/corazawaf/coraza/v3 v3.2.1
	github.com/dop251/goja v0.0.0-20240927123429-241b342198c2
	github.com/go-chi/chi/v5 v5.2.1
	github.com/yuin/goldmark v1.7.8
	go.starlark.net v0.0.0-20240925182052-1207426daebd
)

require (
	github.com/corazawaf/libinjection-go v0.2.1 // indirect
	github.com/dlclark/regexp2 v1.11.4 // indirect
	github.com/go-sourcemap/sourcemap v2.1.3+incompatible // indirect
	github.com/google/pprof v0.0.0-20230207041349-798e818bf904 // indirect
	github.com/magefile/mage v1.15.0 // indirect
	github.com/petar-dambovaliev/aho-corasick v0.0.0-20240411101913-e07a1f0e8eb4 // indirect
	github.com/tidwall/gjson v1.17.1 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	golang.org/x/net v0.26.0 // indirect
	golang.org/x/sync v0.7.0 // indirect
	golang.org/x/sys v0.21.0 // indirect
	golang.org/x/text v0.16.0 // indirect
	rsc.io/binaryregexp v0.2.0 // indirect
)
