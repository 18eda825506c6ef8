{{/* Labels of everything that belongs to one controller: dict "root" $ "name" <controller>. */}}
{{- define "weir.labels" -}}
{{ include "weir.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: flux
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "weir.selector" -}}
app: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{/* One of the plain objects in rbac/, with labels: dict "root" $ "name" <controller> "file" <file>. */}}
{{- define "weir.role" -}}
{{- $role := .root.Files.Get (printf "rbac/%s" .file) | fromYaml }}
{{- $_ := set $role.metadata "labels" (include "weir.labels" . | fromYaml) }}
{{- toYaml $role }}
{{- end }}

{{/* ServiceAccount and the bindings of its rights: dict "root" $ "name" <controller> "values" <values>. */}}
{{- define "weir.identity" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "weir.labels" . | nindent 4 }}
  {{- with .values.serviceAccountAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
---
{{ include "weir.role" (merge (dict "file" (printf "%s.yaml" .name)) .) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: weir-{{ .name }}
  labels:
    {{- include "weir.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: weir-{{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: weir-lease-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "weir.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: weir-lease
subjects:
- kind: ServiceAccount
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/* Flags that every controller takes. */}}
{{- define "weir.flags" -}}
- --enable-leader-election
- --watch-all-namespaces={{ not .Values.watchOwnNamespaceOnly }}
- --log-level={{ .Values.logLevel }}
{{- with .Values.watchLabelSelector }}
- --watch-label-selector={{ . }}
{{- end }}
{{- with .Values.eventsAddr }}
- --events-addr={{ . }}
{{- end }}
{{- with .Values.natsUrl }}
- --nats-url={{ . }}
{{- end }}
{{- end }}

{{/* A Deployment: dict "root" $ "name" <controller> "values" <values> "strategy" "ports" "readiness" "flags" "dataVolume" "graceSeconds". */}}
{{- define "weir.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "weir.labels" . | nindent 4 }}
    control-plane: controller
spec:
  replicas: {{ .values.replicas }}
  strategy:
    type: {{ .strategy }}
  selector:
    matchLabels:
      {{- include "weir.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "weir.labels" . | nindent 8 }}
      annotations:
        prometheus.io/scrape: 'true'
        prometheus.io/port: '8080'
    spec:
      serviceAccountName: {{ .name }}
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        fsGroup: 1337
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: manager
        image: {{ printf "%s:%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
        imagePullPolicy: {{ .root.Values.image.pullPolicy }}
        args:
        - {{ .name }}
        {{- include "weir.flags" .root | nindent 8 }}
        {{- range .flags }}
        - {{ . }}
        {{- end }}
        {{- range .values.args }}
        - {{ . | quote }}
        {{- end }}
        env:
        - name: RUNTIME_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        # One reader of many small answers: few arenas, and free pages go back to the system.
        - name: MALLOC_ARENA_MAX
          value: "2"
        - name: MALLOC_TRIM_THRESHOLD_
          value: "131072"
        ports:
        {{- with .ports }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        - name: http-prom
          containerPort: 8080
          protocol: TCP
        - name: healthz
          containerPort: 9440
          protocol: TCP
        livenessProbe:
          httpGet:
            path: /healthz
            port: healthz
        readinessProbe:
          httpGet:
            {{- toYaml .readiness | nindent 12 }}
        resources:
          {{- toYaml .values.resources | nindent 10 }}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop: [ALL]
          readOnlyRootFilesystem: true
        volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
      volumes:
      - name: data
        {{- toYaml .dataVolume | nindent 8 }}
      - name: tmp
        emptyDir: {}
{{- end }}
