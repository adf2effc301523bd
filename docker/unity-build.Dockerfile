# syntax=docker/dockerfile:1
# Builds the Unity player. The image holds the editor and the project, no licence:
# docker build --file docker/unity-build.Dockerfile --tag beltline-unity-build .
# The licence comes in as secrets when it runs, and goes back when it ends, however it ends: docker/unity-build.sh.
# The editor's version is that of unity_bridge/unity_project/ProjectSettings/ProjectVersion.txt.
ARG EDITOR_IMAGE=unityci/editor:ubuntu-6000.3.20f1-linux-il2cpp-3
FROM ${EDITOR_IMAGE}
COPY unity_bridge/unity_project /project
COPY --chmod=755 docker/unity-build.sh /usr/local/bin/unity-build
WORKDIR /project
VOLUME /output
ENTRYPOINT ["unity-build"]
