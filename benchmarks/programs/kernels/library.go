// Kernels that live in Go's standard library: what servers do all day.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
)

type item struct {
	ID     int               `json:"id"`
	Name   string            `json:"name"`
	Price  float64           `json:"price"`
	Tags   []string          `json:"tags"`
	Attrs  map[string]string `json:"attrs"`
	Active bool              `json:"active"`
}

func items(count int) []item {
	r := random(seed)
	list := make([]item, count)
	for i := range list {
		v := r.next()
		list[i] = item{
			ID:     i,
			Name:   fmt.Sprintf("item <%d> & \"co\" %x", i, v%0xffff),
			Price:  float64(v%100000) / 100,
			Tags:   []string{"alpha", "beta", fmt.Sprint(v % 10)},
			Attrs:  map[string]string{"color": "red", "size": fmt.Sprint(v % 50)},
			Active: v%3 == 0,
		}
	}
	return list
}

func runJSON() uint64 {
	list := items(1000)
	sum := uint64(seed)
	for round := 0; round < 54; round++ {
		text, err := json.Marshal(list)
		if err != nil {
			panic(err)
		}
		var back []item
		if err := json.Unmarshal(text, &back); err != nil {
			panic(err)
		}
		list = back
		sum = mix(sum, uint64(len(text)))
	}
	return sum
}

func runRegexp() uint64 {
	date := regexp.MustCompile(`(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})`)
	mail := regexp.MustCompile(`[a-z0-9._]+@([a-z0-9]+\.)+[a-z]{2,}`)
	var text strings.Builder
	r := random(seed)
	for i := 0; i < 2700; i++ {
		v := r.next()
		fmt.Fprintf(&text, "2026-%02d-%02dT10:%02d user%d@mail.example.com did %x\n", v%12+1, v%28+1, v%60, i, v)
	}
	var sum uint64 = seed
	for _, m := range date.FindAllStringSubmatch(text.String(), -1) {
		sum = mixBytes(sum, []byte(m[2]))
	}
	for _, m := range mail.FindAllStringIndex(text.String(), -1) {
		sum = mix(sum, uint64(m[0]))
	}
	return sum
}

var page = template.Must(template.New("page").Parse(`<html><head><title>{{.Title}}</title></head><body>
{{range .Items}}<div class="{{if .Active}}on{{else}}off{{end}}" id="i{{.ID}}">
  <a href="/item?name={{.Name}}">{{.Name}}</a> <b>{{printf "%.2f" .Price}}</b>
  <ul>{{range .Tags}}<li>{{.}}</li>{{end}}</ul>
  <script>var item = {{.Attrs}};</script>
</div>{{end}}</body></html>`))

func runTemplate() uint64 {
	data := struct {
		Title string
		Items []item
	}{"things <for> sale", items(500)}
	sum := uint64(seed)
	for round := 0; round < 37; round++ {
		var out bytes.Buffer
		if err := page.Execute(&out, data); err != nil {
			panic(err)
		}
		sum = mix(mixBytes(sum, out.Bytes()[:1000]), uint64(out.Len()))
	}
	return sum
}

func runGzip() uint64 {
	var text bytes.Buffer
	r := random(seed)
	words := strings.Fields("the quick brown fox jumps over a lazy dog while seven wizards mix potions in old cauldrons")
	for text.Len() < 300_000 {
		text.WriteString(words[r.next()%uint64(len(words))])
		text.WriteByte(' ')
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(text.Bytes())
	w.Close()
	reader, err := gzip.NewReader(&packed)
	if err != nil {
		panic(err)
	}
	back, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(back, text.Bytes()) {
		panic("gzip does not round-trip")
	}
	return mixBytes(mix(seed, uint64(len(back))), back[:1000])
}

func runSHA256() uint64 {
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7)
	}
	sum := uint64(seed)
	for round := 0; round < 68; round++ {
		digest := sha256.Sum256(block)
		copy(block, digest[:])
		sum = mix(sum, binary.LittleEndian.Uint64(digest[:]))
	}
	return sum
}
