{{/* Secrets that the chart makes: once, and read back by upgrades. */}}

{{/* Whether the chart makes the key of the ZeroMQ mesh. */}}
{{- define "holdfast.ownMeshKey" -}}
{{- $zeromq := ((.Values.config.broker | default dict).zeromq | default dict) -}}
{{- $given := or (hasKey $zeromq "secret_key") $zeromq.allow_plain (hasKey .Values.configFromSecrets "broker.zeromq.secret_key") -}}
{{- if and (eq (include "holdfast.brokerType" .) "zeromq") (not $given) }}yes{{ end -}}
{{- end -}}

{{- define "holdfast.ownTokens" -}}
{{- if and (not .Values.control.auth.allowAnonymous) (not .Values.control.auth.existingSecret) }}yes{{ end -}}
{{- end -}}

{{/* What stood under that key, or 40 new characters: (dict "old" data "key" name). They are Z85 too, so that they can be a CURVE key. */}}
{{- define "holdfast.kept" -}}
{{- with get (.old | default dict) .key }}{{ . | b64dec }}{{ else }}{{ randAlphaNum 40 }}{{ end -}}
{{- end -}}
