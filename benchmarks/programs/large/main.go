// A large program, to measure what compiling one takes: it uses what a service with templates, a compiler front end, images,
// a database layer and TLS would use of the standard library, so that the linker keeps it.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/lzw"
	"compress/zlib"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"debug/dwarf"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/asn1"
	"encoding/csv"
	"encoding/gob"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"expvar"
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/importer"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"html/template"
	"image"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"math/big"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	_ "net/http/pprof"
	"net/mail"
	"net/rpc"
	"net/smtp"
	"net/textproto"
	"reflect"
	"regexp"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"testing"
	"testing/fstest"
	"testing/quick"
	"text/tabwriter"
	texttemplate "text/template"
	"time"
)

// What main does not call itself, but the linker shall keep.
var kept = []any{
	tar.NewReader, zip.NewReader, bzip2.NewReader, flate.NewReader, lzw.NewReader, zlib.NewReader, rsa.GenerateKey, ed25519.GenerateKey,
	ecdsa.GenerateKey, elliptic.P384, sha512.New, tls.Dial, x509.ParseCertificate, sql.Open, dwarf.New, elf.NewFile, macho.NewFile,
	pe.NewFile, asn1.Unmarshal, csv.NewReader, gob.NewDecoder, pem.Decode, xml.NewDecoder, expvar.Handler, doc.New, importer.Default,
	printer.Fprint, draw.FloydSteinberg, gif.DecodeAll, jpeg.Decode, png.Decode, slog.NewJSONHandler, big.NewFloat, multipart.NewReader,
	quotedprintable.NewReader, httptest.NewServer, httputil.NewSingleHostReverseProxy, mail.ParseAddress, rpc.NewServer, smtp.Dial,
	textproto.NewReader, pprof.Lookup, trace.Start, testing.Benchmark, fstest.TestFS, quick.Check, tabwriter.NewWriter, palette.Plan9,
	texttemplate.New, &http.Server{}, &http.Client{}, &tls.Config{}, &x509.Certificate{}, &sql.DB{}, &types.Config{}, &elf.File{},
	&big.Rat{}, &ast.File{}, &zip.Writer{}, &jpeg.Options{}, &template.Template{}, &testing.B{}, &smtp.Client{}, &rpc.Client{},
}

// A type checker's, a template's and a server's work, so that what is measured is also seen to run.
func main() {
	methods := 0
	for _, value := range kept {
		methods += reflect.TypeOf(value).NumMethod()
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", "package p\nfunc F(x int) string { if x>1 { return \"many\" }; return \"one\" }", 0)
	check(err)
	_, err = (&types.Config{}).Check("p", files, []*ast.File{file}, nil)
	check(err)
	var out bytes.Buffer
	check(format.Node(&out, files, file))

	answer := httptest.NewRecorder()
	http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(template.Must(template.New("t").Parse(`<p>{{.}}</p>`)).Execute(w, r.URL.Path))
	}).ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), "GET", "/<a>", nil))
	packed := new(bytes.Buffer)
	writer := gzip.NewWriter(packed)
	check(json.NewEncoder(writer).Encode(map[string]any{"page": answer.Body.String(), "at": time.Unix(0, 0).UTC()}))
	check(writer.Close())
	reader, err := gzip.NewReader(packed)
	check(err)
	text, err := io.ReadAll(reader)
	check(err)
	check(png.Encode(io.Discard, image.NewGray(image.Rect(0, 0, 8, 8))))
	number, err := rand.Int(rand.Reader, big.NewInt(1))
	check(err)
	words := regexp.MustCompile(`\w+`).FindAllString(out.String(), -1)
	fmt.Println(strings.Join(words[:4], " "), string(text), number, methods > 100)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
