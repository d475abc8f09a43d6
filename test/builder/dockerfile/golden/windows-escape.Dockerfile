# escape=`

FROM mcr.microsoft.com/windows/nanoserver:ltsc2025
SHELL ["powershell", "-Command"]
ENV DIR=C:\app NAME="a`"b"
WORKDIR C:\app
COPY dist\ C:\app\
RUN Write-Host one; `
    # a comment
    Write-Host two\
RUN echo ``
RUN <<EOF
echo 1
EOF
CMD ["app.exe"]
