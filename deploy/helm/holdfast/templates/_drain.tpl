{{/* Times as the program writes them, in whole seconds, rounded up: (dict "name" "drain.window" "value" "5m"). */}}
{{- define "holdfast.seconds" -}}
{{- $text := toString .value | lower | replace " " "" -}}
{{- if not (regexMatch "^[0-9]+(ms|s|m|h|d)?$" $text) -}}
{{- fail (printf "%s: expected a time such as 500ms, 5s, 2m or 1h, not '%s'" .name (toString .value)) -}}
{{- end -}}
{{- $count := regexFind "^[0-9]+" $text | int64 -}}
{{- $unit := regexFind "[a-z]*$" $text -}}
{{- if eq $unit "ms" -}}{{- div (add $count 999) 1000 -}}
{{- else -}}{{- mul $count (get (dict "" 1 "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}{{- end -}}
{{- end -}}

{{/* How long Pods are given: what drain needs, and 30 s for what hangs. (dict "root" $ "pod" settings "component" name) */}}
{{- define "holdfast.grace" -}}
{{- $drain := .root.Values.drain -}}
{{- $delay := include "holdfast.seconds" (dict "name" "drain.delay" "value" $drain.delay) | int64 -}}
{{- $window := include "holdfast.seconds" (dict "name" "drain.window" "value" $drain.window) | int64 -}}
{{- range $name, $seconds := dict "drain.delay" $delay "drain.window" $window -}}
{{- if gt $seconds 3600 -}}{{- fail (printf "%s: at most 1h, not %ds" $name $seconds) -}}{{- end -}}
{{- end -}}
{{- $needed := add $delay $window 30 -}}
{{- $given := .pod.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}
{{- $needed -}}
{{- else if lt ($given | int64) $needed -}}
{{- fail (printf "pod.terminationGracePeriodSeconds: %d s for %s are less than drain.delay + drain.window + 30 s = %d s: connections would be cut. Raise it, leave it out, or shorten drain.window." ($given | int64) .component $needed) -}}
{{- else -}}
{{- $given -}}
{{- end -}}
{{- end -}}
