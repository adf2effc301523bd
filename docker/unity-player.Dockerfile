# syntax=docker/dockerfile:1
# The service with a Unity build as a further player, `unity`: it is a child process of the service, so both share an image.
# docker build --file docker/unity-player.Dockerfile --build-context player=build/unity-player --tag beltline-unity-player .
# Needs the image beltline-server, and the folder that beltline-unity-build wrote.
ARG SERVER_IMAGE=beltline-server
FROM ${SERVER_IMAGE}
# 1 where the player says "failed to create batchmode window": it then gets a display that nobody sees.
ARG XVFB=0
USER 0
RUN apt-get update && \
    apt-get install --yes --no-install-recommends libvulkan1 && \
    if [ "$XVFB" = 1 ]; then apt-get install --yes --no-install-recommends xauth xvfb; fi && \
    rm -rf /var/lib/apt/lists/*
COPY docker/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json
COPY --chmod=755 docker/unity-player.sh /opt/players/unity-player
COPY docker/unity-player.yaml /etc/beltline/settings.yaml
COPY --from=player . /opt/players/unity
ENV BELTLINE_SETTINGS=/etc/beltline/settings.yaml \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility
USER 1000
