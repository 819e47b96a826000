{{/* The configuration file: what the values say, what the chart sets, and extraConfig over it. */}}

{{- define "holdfast.listeners" -}}
{{- if .Values.gateway.tls.plain }}
- address: {{ printf "%s:%d" .Values.listenHost (.Values.ports.client | int) | quote }}
{{- end }}
{{- with .Values.gateway.tls.secrets }}
- address: {{ printf "%s:%d" $.Values.listenHost ($.Values.ports.clientTls | int) | quote }}
  tls:
  {{- range . }}
    - cert: /etc/holdfast/tls/{{ . }}/tls.crt
      key: /etc/holdfast/tls/{{ . }}/tls.key
  {{- end }}
{{- end }}
{{- end -}}

{{/* A door for publishers on that port: (dict "root" $ "port" 5561) */}}
{{- define "holdfast.door" -}}
address: {{ printf "%s:%d" .root.Values.listenHost (.port | int) | quote }}
{{- if .root.Values.control.auth.allowAnonymous }}
allow_anonymous: true
{{- end }}
{{- end -}}

{{- define "holdfast.ownConfig" -}}
listen:
  {{- include "holdfast.listeners" . | trim | nindent 2 }}
{{- if .Values.routesFile }}
routes_file: /etc/holdfast/routes/routes
{{- end }}
drain:
  delay: {{ .Values.drain.delay }}
  window: {{ .Values.drain.window }}
metrics:
  address: {{ printf "%s:%d" .Values.listenHost (.Values.ports.admin | int) | quote }}
control:
  http:
    {{- include "holdfast.door" (dict "root" . "port" .Values.ports.control) | nindent 4 }}
    {{- if not .Values.control.auth.allowAnonymous }}
    token_file: /etc/holdfast/publish-tokens/tokens   # of every door
    {{- end }}
  {{- if .Values.control.grpc.enabled }}
  grpc:
    {{- include "holdfast.door" (dict "root" . "port" .Values.ports.grpc) | nindent 4 }}
  {{- end }}
broker:
  type: {{ include "holdfast.brokerType" . }}
  {{- if .Values.redis.enabled }}
  redis:
    address: {{ include "holdfast.fullname" . }}-redis:6379
  {{- end }}
  {{- if eq (include "holdfast.brokerType" .) "zeromq" }}
  zeromq:
    bind: {{ printf "tcp://%s:%d" .Values.listenHost (.Values.ports.mesh | int) | quote }}
    peers: ["tcp://{{ include "holdfast.fullname" . }}-mesh:{{ .Values.ports.mesh }}"]
  {{- end }}
{{- end -}}

{{- define "holdfast.testRoute" -}}
path: /holdfast-test/{name}
hold:
  mode: stream
  channels: ["holdfast-test-{name}"]
  content_type: text/plain
{{- end -}}

{{- define "holdfast.config" -}}
{{- include "holdfast.checks" . -}}
{{- $own := include "holdfast.ownConfig" . | fromYaml -}}
{{- with $own.Error }}{{ fail (printf "the chart made no YAML: %s" .) }}{{ end -}}
{{- $config := mergeOverwrite $own (deepCopy .Values.config) -}}
{{- $routes := .Values.routes | default list -}}
{{- if .Values.tests.enabled -}}
{{- $routes = append $routes (include "holdfast.testRoute" . | fromYaml) -}}
{{- end -}}
{{- $config = mergeOverwrite $config (dict "routes" $routes) (deepCopy .Values.extraConfig) -}}
{{- toYaml $config -}}
{{- end -}}
