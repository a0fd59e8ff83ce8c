"""manifests.py FOLDER MANIFESTS: see ../kubernetes.test"""
import os
import subprocess
import sys

import kubernetes_validate
import yaml
from harness import AOTC, BIN, Authority, check, fresh_folder
from kubernetes_validate.utils import all_versions

folder = fresh_folder()
with open(sys.argv[2]) as file:
    documents = [document for document in yaml.safe_load_all(file) if document]
versions = [version for version in all_versions() if tuple(map(int, version.split(".")[:2])) >= (1, 25)]
check(len(versions) > 5, versions)
custom = [document for document in documents if document["apiVersion"].startswith("monitoring.coreos.com/")]
for document in documents:
    for version in versions if document not in custom else ():
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            check(False, f"{document['kind']} {document['metadata']['name']} for {version}: {list(error.path)}: {error.message}")


def of(*kinds):
    return [document for document in documents if document["kind"] in kinds]


def fits(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


names = [(document["kind"], document["metadata"]["name"]) for document in documents]
check(len(set(names)) == len(names), f"each is there once: {names}")
templates = {}
for workload in of("StatefulSet", "DaemonSet"):
    spec, template = workload["spec"], workload["spec"]["template"]
    labels, pod = template["metadata"]["labels"], template["spec"]
    check(fits(spec["selector"]["matchLabels"], labels), "it selects its own pods")
    (container,) = pod["containers"]
    ports = {port["name"] for port in container["ports"]}
    templates[workload["metadata"]["name"]] = labels, ports
    volumes = {volume["name"] for volume in pod["volumes"] + [claim["metadata"] for claim in spec.get("volumeClaimTemplates", [])]}
    check({mount["name"] for mount in container["volumeMounts"]} == volumes, f"all volumes are used: {volumes}")
    for volume in pod["volumes"]:
        if "configMap" in volume and volume["name"] == "config":
            check(("ConfigMap", volume["configMap"]["name"]) in names, "its file is there")
    for probe in ("livenessProbe", "readinessProbe"):
        check(next(iter(container[probe].values()))["port"] in ports, f"the port of {probe}")
    # As little as may be: what Kubernetes calls restricted, but for a node's users and folder.
    own, rights = pod["securityContext"], container["securityContext"]
    check(rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"] and rights["capabilities"]["drop"] == ["ALL"], rights)
    check(own["seccompProfile"] == {"type": "RuntimeDefault"} and not pod["automountServiceAccountToken"], own)
    check(own.get("runAsNonRoot") or set(rights["capabilities"]["add"]) == {"CHOWN", "DAC_READ_SEARCH", "KILL", "SETGID", "SETUID"}, rights)
    check("limits" in container["resources"], "a limit")


def selected(labels):
    """The pod that is meant, of which there is one."""
    (found,) = [template for template in templates.values() if fits(labels, template[0])]
    return found


for service in of("Service"):
    check({port["targetPort"] for port in service["spec"]["ports"]} <= selected(service["spec"]["selector"])[1], "a service's ports")
for policy in of("NetworkPolicy"):
    _, ports = selected(policy["spec"]["podSelector"]["matchLabels"])
    check({port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} <= ports, "a policy's ports")
for budget in of("PodDisruptionBudget"):
    selected(budget["spec"]["selector"]["matchLabels"])
for monitor in of("ServiceMonitor"):
    (service,) = [one for one in of("Service") if fits(monitor["spec"]["selector"]["matchLabels"], one["metadata"]["labels"])]
    check({end["port"] for end in monitor["spec"]["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}, "what is asked of a service")
for monitor in of("PodMonitor"):
    check({end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= selected(monitor["spec"]["selector"]["matchLabels"])[1], "what is asked of a pod")

# The programs take their files, with what is secret beside them.
os.makedirs(f"{folder}/secrets")
for name in ("fleet", "other"):
    subprocess.run([AOTC, "keygen", f"{folder}/secrets/{name}"], check=True, stdout=subprocess.DEVNULL)
with open(f"{folder}/secrets/tokens.json", "w") as file:
    file.write('{"operators": [], "tenants": {}}')
with open(f"{folder}/secrets/token", "w") as file:
    file.write("x")
authority = Authority(folder)
for name in ("server", "site"):
    _, certificate, _, key = authority.issue(name)
    os.rename(certificate, f"{folder}/secrets/{name}.pem")
    os.rename(key, f"{folder}/secrets/{name}.pem.key")
os.makedirs(f"{folder}/site")


def taken(program, name, text):
    path = f"{folder}/{name}"
    with open(path, "w") as file:
        file.write(text.replace("/etc/aotc/secrets", f"{folder}/secrets").replace("/etc/site", f"{folder}/site"))
    done = subprocess.run([f"{BIN}/{program[0]}", *program[1:], "--file", path, "--check-config"], capture_output=True, text=True)
    check(done.returncode == 0, f"{name}: {done.stderr}{text}")


programs = {"server.yaml": ["aotc-server"], "node.yaml": ["aotc-node", "serve"]}
for document in of("ConfigMap"):
    for name, text in document["data"].items():
        taken(programs[name], name, text)
# What the chart shows of an app is true, too.
with open(os.path.join(os.path.dirname(__file__), "../../../packaging/helm/aotc/values.yaml")) as file:
    lines = file.read().splitlines()
at = lines.index("    # apps:")
example = [line[len("    # "):] for line in lines[at:] if line.startswith("    #")]
check(len(example) == 6, example)
taken(programs["node.yaml"], "node.yaml", "\n".join(["listen: :8080", "admin: :9090", *example, ""]))
