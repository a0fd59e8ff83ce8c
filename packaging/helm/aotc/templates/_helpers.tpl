{{/* Each takes a list of the root and a component, server or node. */}}
{{- define "aotc.name" -}}
{{- $root := first . -}}
{{- $name := ternary $root.Release.Name (printf "%s-aotc" $root.Release.Name) (contains "aotc" $root.Release.Name) -}}
{{- printf "%s-%s" ($name | trunc 50 | trimSuffix "-") (last .) -}}
{{- end }}

{{- define "aotc.selector" -}}
app.kubernetes.io/name: aotc
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "aotc.metadata" -}}
name: {{ include "aotc.name" . }}
namespace: {{ (first .).Release.Namespace }}
labels:
  {{- include "aotc.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ (first .).Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ (first .).Release.Service }}
{{- end }}

{{/* The file of a component, whose values it takes. */}}
{{- define "aotc.config" -}}
{{- if .file }}{{ .file }}{{ else }}{{ toYaml .config }}{{ end }}
{{- end }}

{{- define "aotc.image" -}}
{{- $image := (index (first .).Values (last .)).image -}}
image: {{ printf "%s:%s" $image.repository ($image.tag | default (first .).Chart.AppVersion) | quote }}
imagePullPolicy: {{ $image.pullPolicy | default "IfNotPresent" }}
{{- end }}

{{- define "aotc.placement" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $ $key }}
{{- dict $key . | toYaml | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}

{{/* How one speaks to the server: by TLS if its file says so. */}}
{{- define "aotc.scheme" -}}
{{- if hasKey (include "aotc.config" .Values.server | fromYaml) "tls-cert" }}https{{ else }}http{{ end }}
{{- end }}
