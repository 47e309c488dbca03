/** What a new security group begins with as YAML. */
export const securityGroupSketch = `apiVersion: v1
kind: SecurityGroup
metadata:
  name: web
spec:
  network: default
  podSelector:
    matchLabels:
      app: web
  rules:
    - direction: ingress
      protocol: tcp
      ports:
        - port: 80
        - port: 8000
          endPort: 8100
`
