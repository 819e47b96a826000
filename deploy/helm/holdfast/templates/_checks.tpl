{{/* What values say together; one value alone is the schema's business. */}}
{{- define "holdfast.brokerType" -}}
{{- $config := (.Values.config.broker | default dict) -}}
{{- if .Values.redis.enabled -}}redis{{- else -}}{{- $config.type | default "memory" -}}{{- end -}}
{{- end -}}

{{- define "holdfast.mostGateways" -}}
{{- $scaling := .Values.gateway.autoscaling -}}
{{- if or $scaling.enabled .Values.gateway.keda.enabled -}}{{- $scaling.maxReplicas -}}{{- else -}}{{- .Values.gateway.replicas -}}{{- end -}}
{{- end -}}

{{- define "holdfast.checkBroker" -}}
{{- $broker := (.Values.config.broker | default dict) -}}
{{- if .Values.redis.enabled -}}
{{- if not (has ($broker.type | default "redis") (list "redis")) -}}
{{- fail (printf "redis.enabled: the bundled Redis is the broker then, but config.broker.type is %s" $broker.type) -}}
{{- end -}}
{{- range list "address" "sentinels" "cluster" "password" "tls" -}}
{{- if hasKey ($broker.redis | default dict) . -}}
{{- fail (printf "redis.enabled: the bundled Redis sets config.broker.redis.%s; give one or the other" .) -}}
{{- end -}}
{{- end -}}
{{- if hasKey .Values.configFromSecrets "broker.redis.password" -}}
{{- fail "redis.enabled: the bundled Redis has a password of its own; take configFromSecrets.broker.redis.password away" -}}
{{- end -}}
{{- end -}}
{{- if eq (include "holdfast.brokerType" .) "memory" -}}
{{- if eq .Values.mode "split" -}}
{{- fail "mode: split needs a broker that both halves reach, and config.broker.type is memory: set it to redis, kafka or zeromq, or redis.enabled: true to try it out" -}}
{{- end -}}
{{- if gt (include "holdfast.mostGateways" . | int) 1 -}}
{{- fail (printf "gateway.replicas: %s Pods with config.broker.type: memory would each have their own channels, and publications reach one of them only: set config.broker.type to redis, kafka or zeromq, or redis.enabled: true to try it out" (include "holdfast.mostGateways" .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A ConfigMap is read by many; file:PATH names a mounted Secret. */}}
{{- define "holdfast.checkSecrets" -}}
{{- range $option := .Files.Get "files/secret-options.json" | fromJsonArray -}}
{{- $value := $.Values.config -}}
{{- range splitList "." $option -}}
{{- if kindIs "map" $value }}{{ $value = get $value . }}{{ end -}}
{{- end -}}
{{- if and $value (not (hasPrefix "file:" (toString $value))) -}}
{{- fail (printf "config.%s: would stand in a ConfigMap, for everybody to read: name a Secret under configFromSecrets" $option) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "holdfast.checks" -}}
{{- include "holdfast.checkSecrets" . -}}
{{- include "holdfast.checkBroker" . -}}
{{- $gateway := .Values.gateway -}}
{{- if and $gateway.autoscaling.enabled $gateway.keda.enabled -}}
{{- fail "gateway.keda.enabled: KEDA makes the autoscaler itself; switch gateway.autoscaling.enabled off" -}}
{{- end -}}
{{- range $name, $scaling := dict "gateway" $gateway.autoscaling "control" .Values.control.autoscaling -}}
{{- if gt ($scaling.minReplicas | int) ($scaling.maxReplicas | int) -}}
{{- fail (printf "%s.autoscaling: minReplicas %d is more than maxReplicas %d" $name ($scaling.minReplicas | int) ($scaling.maxReplicas | int)) -}}
{{- end -}}
{{- end -}}
{{- if and (not $gateway.tls.plain) (not $gateway.tls.secrets) -}}
{{- fail "gateway.tls.plain: without it and without gateway.tls.secrets there is no listener for clients" -}}
{{- end -}}
{{- if and (not $gateway.tls.plain) (or $gateway.ingress.enabled $gateway.httpRoute.enabled) -}}
{{- fail "gateway.tls.plain: the Ingress and the HTTPRoute of this chart end TLS themselves and need the listener without it" -}}
{{- end -}}
{{- range list "role" "drain" -}}
{{- if hasKey $.Values.extraConfig . -}}
{{- fail (printf "extraConfig.%s: the Pods' own settings follow from it; set %s instead" . (eq . "role" | ternary "mode" "drain")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
