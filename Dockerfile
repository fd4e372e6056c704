# The algorithm's image: finds mitotic figures in the region under /input and writes /output/mitotic-figures.json, or
# types those of a stack and writes /output/multiple-mitotic-figure-classification.json.
# RUNTIME is cpu or gpu; the GPU build brings CUDA and cuDNN as wheels and needs only the host's driver.
# TASKS are detection, classification or both: the tasks whose default bundles are in the image.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

ARG RUNTIME=cpu

ENV HOME=/tmp \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_VISIBLE_DEVICES=all \
    ORT_DISABLE_TELEMETRY=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /opt/app
COPY requirements/algorithm-${RUNTIME}.txt requirements.txt
RUN python -m pip install --requirement requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY algorithm algorithm
COPY bundles bundles
ARG TASKS="detection classification"
RUN python bundles/keep.py ${TASKS} \
 && python -m pip install --no-deps --editable . \
 && python -m compileall -q algorithm \
 && find . ! -perm -o=r -exec chmod a+rX {} +

ARG VERSION=unknown
ARG REVISION=unknown

LABEL org.opencontainers.image.title="anaphase" \
      org.opencontainers.image.description="Mitotic figures in H&E images (MIDOG 2025); research use only" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

USER 10001:10001
ENTRYPOINT ["python", "-m", "algorithm.process"]
