{{/* The Pod of a component: (dict "root" $ "component" "gateway" "role" "all"). */}}

{{- define "holdfast.podSettings" -}}
{{- $own := get (get .root.Values .component) "pod" | default dict -}}
{{- mergeOverwrite (deepCopy .root.Values.pod) (deepCopy $own) | toYaml -}}
{{- end -}}

{{/* Options that come from Secrets, and the number of loops where CPU is limited (cores of the node would be counted otherwise). */}}
{{- define "holdfast.env" -}}
{{- $root := .root -}}
{{- range $option, $from := $root.Values.configFromSecrets }}
- name: HOLDFAST_{{ $option | upper | replace "." "_" }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secretName }}
      key: {{ $from.key }}
{{- end }}
{{- if $root.Values.redis.enabled }}
- name: HOLDFAST_BROKER_REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "holdfast.fullname" $root }}
      key: redis-password
{{- end }}
{{- if include "holdfast.ownMeshKey" $root }}
- name: HOLDFAST_BROKER_ZEROMQ_SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "holdfast.fullname" $root }}
      key: mesh-key
{{- end }}
{{- if and (dig "limits" "cpu" "" (.pod.resources | default dict)) (not (hasKey $root.Values.config "loops")) }}
- name: HOLDFAST_LOOPS
  valueFrom:
    resourceFieldRef:
      resource: limits.cpu
      divisor: "1"
{{- end }}
{{- with .pod.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "holdfast.takesPublications" -}}
{{- if ne .role "gateway" }}yes{{ end -}}
{{- end -}}

{{- define "holdfast.wantsTokens" -}}
{{- if and (include "holdfast.takesPublications" .) (not .root.Values.control.auth.allowAnonymous) }}yes{{ end -}}
{{- end -}}

{{- define "holdfast.mounts" -}}
- {name: config, mountPath: /etc/holdfast/config, readOnly: true}
{{- if .root.Values.routesFile }}
- {name: routes, mountPath: /etc/holdfast/routes, readOnly: true}
{{- end }}
{{- if include "holdfast.wantsTokens" . }}
- {name: publish-tokens, mountPath: /etc/holdfast/publish-tokens, readOnly: true}
{{- end }}
{{- range $i, $secret := .root.Values.gateway.tls.secrets }}
- {name: tls-{{ $i }}, mountPath: /etc/holdfast/tls/{{ $secret }}, readOnly: true}
{{- end }}
{{- range $name, $_ := .root.Values.secretMounts }}
- {name: secret-{{ $name }}, mountPath: /etc/holdfast/secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- with .pod.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "holdfast.volumes" -}}
- name: config
  configMap: {name: {{ include "holdfast.fullname" .root }}}
{{- if .root.Values.routesFile }}
- name: routes
  configMap: {name: {{ include "holdfast.fullname" .root }}-routes}
{{- end }}
{{- if include "holdfast.wantsTokens" . }}
- name: publish-tokens
  secret:
    secretName: {{ include "holdfast.tokenSecret" .root }}
    defaultMode: 0440
    items: [{key: {{ .root.Values.control.auth.key }}, path: tokens}]
{{- end }}
{{- range $i, $secret := .root.Values.gateway.tls.secrets }}
- name: tls-{{ $i }}
  secret: {secretName: {{ $secret }}, defaultMode: 0440}
{{- end }}
{{- range $name, $from := .root.Values.secretMounts }}
- name: secret-{{ $name }}
  secret: {secretName: {{ $from.secretName }}, defaultMode: 0440}
{{- end }}
{{- with .pod.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "holdfast.ports" -}}
{{- $ports := .root.Values.ports -}}
{{- if ne .role "control" }}
{{- if .root.Values.gateway.tls.plain }}
- {name: client, containerPort: {{ $ports.client }}}
{{- end }}
{{- if .root.Values.gateway.tls.secrets }}
- {name: client-tls, containerPort: {{ $ports.clientTls }}}
{{- end }}
{{- end }}
{{- if include "holdfast.takesPublications" . }}
- {name: control, containerPort: {{ $ports.control }}}
{{- if .root.Values.control.grpc.enabled }}
- {name: grpc, containerPort: {{ $ports.grpc }}}
{{- end }}
{{- end }}
- {name: admin, containerPort: {{ $ports.admin }}}
{{- if eq (include "holdfast.brokerType" .root) "zeromq" }}
- {name: mesh, containerPort: {{ $ports.mesh }}}
{{- end }}
{{- end -}}

{{/* What the two containers of the image share. */}}
{{- define "holdfast.container" -}}
image: {{ include "holdfast.image" (dict "image" .root.Values.image "tag" .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .pod.containerSecurityContext | nindent 2 }}
{{- with include "holdfast.env" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- with .pod.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .pod.resources | nindent 2 }}
volumeMounts:
  {{- include "holdfast.mounts" . | nindent 2 }}
{{- end -}}

{{- define "holdfast.spread" -}}
{{- range $topology := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $topology }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "holdfast.selector" $ | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "holdfast.podTemplate" -}}
{{- $pod := include "holdfast.podSettings" . | fromYaml -}}
{{- $c := merge (dict "pod" $pod) . -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    # Without versions: a new chart alone is no reason to end connections.
    {{- include "holdfast.selector" . | nindent 4 }}
    holdfast-node: "true"
    {{- with $values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $pod.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: holdfast
    checksum/config: {{ include "holdfast.config" .root | sha256sum }}
    {{- if and (include "holdfast.wantsTokens" $c) $values.control.auth.tokens }}
    checksum/tokens: {{ $values.control.auth.tokens | toJson | sha256sum }}
    {{- end }}
    {{- with $pod.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "holdfast.serviceAccount" .root }}
  automountServiceAccountToken: false
  # Variables such as HOLDFAST_PORT, made of Services' names, would be taken for options.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "holdfast.grace" $c }}
  securityContext:
    {{- toYaml $pod.securityContext | nindent 4 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  initContainers:
    # A wrong configuration ends here, with its reason in this container's log, and the Pods of before go on.
    - name: check-config
      args: {{ concat (list "check-config" "--config" "/etc/holdfast/config/holdfast.yaml" "--set" (printf "role=%s" .role)) ($pod.extraArgs | default list) | toJson }}
      {{- include "holdfast.container" $c | nindent 6 }}
    {{- with $pod.initContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  containers:
    - name: holdfast
      args: {{ concat (list "serve" "--config" "/etc/holdfast/config/holdfast.yaml" "--role" .role) ($pod.extraArgs | default list) | toJson }}
      {{- include "holdfast.container" $c | nindent 6 }}
      ports:
        {{- include "holdfast.ports" . | trim | nindent 8 }}
      startupProbe:
        # With the broker: a wrong address or password must not roll over Pods that work.
        httpGet: {path: /readyz, port: admin}
        {{- toYaml $pod.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: {path: /livez, port: admin}
        {{- toYaml $pod.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: {{ and (ne .role "control") $values.gateway.readyWithoutBroker | ternary "/readyz?exclude=broker" "/readyz" | quote }}, port: admin}
        {{- toYaml $pod.probes.readiness | nindent 8 }}
      {{- with $pod.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- with $pod.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "holdfast.volumes" $c | nindent 4 }}
  {{- if kindIs "string" $pod.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- include "holdfast.spread" . | trim | nindent 4 }}
  {{- else if $pod.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $pod.topologySpreadConstraints | nindent 4 }}
  {{- end }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" "hostAliases" "dnsPolicy" "dnsConfig" }}
  {{- with get $pod $key }}
  {{ $key }}:
    {{- if kindIs "string" . }} {{ . }}{{ else }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* (dict "root" $ "component" name "role" role "replicas" n; n null: an autoscaler decides) */}}
{{- define "holdfast.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "holdfast.fullname" .root }}{{ eq .component "control" | ternary "-control" "" }}
  labels:
    {{- include "holdfast.labels" . | nindent 4 }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  minReadySeconds: {{ (include "holdfast.podSettings" . | fromYaml).minReadySeconds }}
  # A Pod is ready before one goes.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels:
      {{- include "holdfast.selector" . | nindent 6 }}
  template:
    {{- include "holdfast.podTemplate" . | nindent 4 }}
{{- end -}}

{{/* (dict "root" $ "component" name "settings" pdb "replicas" least) */}}
{{- define "holdfast.pdb" -}}
{{- $wanted := toString .settings.enabled -}}
{{- if or (eq $wanted "true") (and (eq $wanted "auto") (gt (.replicas | int) 1)) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "holdfast.fullname" .root }}{{ eq .component "control" | ternary "-control" "" }}
  labels:
    {{- include "holdfast.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .settings.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "holdfast.selector" . | nindent 6 }}
{{- end -}}
{{- end -}}
